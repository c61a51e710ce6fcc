"""Language models: OpenAI's routes, vLLM, llama.cpp, Ollama."""
