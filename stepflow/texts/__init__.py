"""What people and models write, read strictly: one module for each kind of text, none of which knows a plug."""
