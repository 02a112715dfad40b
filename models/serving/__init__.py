"""The container of an endpoint: a small HTTP server around the handler in a model package.

It keeps to SageMaker's contract for hosting: `GET /ping` says that the model is loaded, and
`POST /invocations` asks it, on port 8080 or on that of `SAGEMAKER_BIND_TO_PORT`.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html

It needs the standard library only. What a model needs, its image has.
"""
