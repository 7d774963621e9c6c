"""What requests and answers look like. Requests refuse unknown fields and wrong types; answers document what is sent."""
