"""Names from OpenTelemetry's semantic conventions for generative AI, version 1.41.

The conventions are not stable yet, and later drafts rename some. These are the names that today's
backends read. They are copied here because the package that defines them is a pre-release.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
WORKFLOW = "gen_ai.workflow.name"
CONVERSATION = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_CREATION_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"

CHAT = "chat"
INVOKE_WORKFLOW = "invoke_workflow"

TOKEN_USAGE = "gen_ai.client.token.usage"
TOKEN_USAGE_BUCKETS = tuple(4**power for power in range(14))
OPERATION_DURATION = "gen_ai.client.operation.duration"
OPERATION_DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(14))

_PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}


def provider_name(langsmith: str) -> str:
    """Return the conventions' name of a provider; LangChain's name where they have none."""
    return _PROVIDERS.get(langsmith, langsmith)
