"""What a release is made of and shown by: bill of materials, requirements and their tests."""
