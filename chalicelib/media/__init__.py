"""Sound and film files: their types, streams, samples and frames, by a bounded ffmpeg process."""
