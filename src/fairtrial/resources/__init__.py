"""What several systems share, reached by name: servers, model weights, an OpenAI-style client."""
