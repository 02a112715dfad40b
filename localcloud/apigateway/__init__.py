"""API Gateway on one laptop: a REST API in front of functions, as its swagger describes it."""

from localcloud.apigateway.gateway import ApiGateway
from localcloud.apigateway.rest_api import RestApi

__all__ = ["ApiGateway", "RestApi"]
