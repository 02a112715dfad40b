"""A policy that is trained on what people like better: PPO, RLOO, GRPO and DPO."""
