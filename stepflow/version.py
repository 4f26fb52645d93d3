"""The version of this package; part of every record's identity, because how text is read may change with it."""

VERSION = "0.1.0"
