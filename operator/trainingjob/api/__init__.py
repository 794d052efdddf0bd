"""The TrainingJob resource: its models, its rules and the schema that is generated from them."""
