"""What to do about failures whose cause lies in the manifest, recognised by the program's last words."""

import re

_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        # tf.estimator's RunConfig says so when TF_CONFIG names workers and servers but no chief.
        re.compile(r'must have one "chief" node|must have exactly one "chief"'),
        " Hint: this program needs a chief; set spec.parameterServer.chief or spec.multiWorker.chief to true.",
    ),
)


def hint_for(words: str) -> str:
    """Return the advice for a program's last words, with a leading space; empty when there is none."""
    return next((hint for pattern, hint in _HINTS if pattern.search(words)), "")
