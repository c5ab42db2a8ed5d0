"""The one kind of error that is the user's to mend: said in one line, never with a traceback."""


class InputError(ValueError):
    """An argument, file or folder breaks a rule; the message names it, its value and the rule."""
