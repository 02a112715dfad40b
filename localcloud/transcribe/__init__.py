"""Amazon Transcribe: batch transcription jobs, answered by the local Whisper."""
