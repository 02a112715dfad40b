"""Fine-tuning of Bedrock's models, run as LoRA on the local model that answers for them."""
