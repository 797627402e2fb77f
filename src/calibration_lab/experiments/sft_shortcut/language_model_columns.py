"""What the columns of the language model's table mean, beside those that all experiments share."""

COLUMNS = {
    "wording": "whether the test reviews are worded as in training (seen) or not (unseen)",
    "tag": "whether the tag goes with the label: always (intact), never (broken), or half of each",
}
