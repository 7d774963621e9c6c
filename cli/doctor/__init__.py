"""`billing doctor`: is this installation as it has to be? One finding per check, each with its mend."""
