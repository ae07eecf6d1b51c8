"""The query APIs of IAM and STS: forms in, XML out."""
