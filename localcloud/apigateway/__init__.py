"""API Gateway on one laptop: a REST API in front of functions, as its swagger describes it."""

from localcloud.apigateway.description import RestApi
from localcloud.apigateway.gateway import ApiGateway

__all__ = ["ApiGateway", "RestApi"]
