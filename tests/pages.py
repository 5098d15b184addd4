"""What tests ask of any page: its elements, and whether its colours can be told apart."""

from html.parser import HTMLParser

import numpy as np


class Elements(HTMLParser):
    """Tags with their attributes, in the order of the page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


def contrast(one, other):
    """Ratio of WCAG 2.2 between two colours, as ``#rrggbb``: 4.5 is level AA of letters."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    shares = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]
