# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that calls Krita.  Everything here belongs on the GUI thread.

Krita's wrappers of documents, layers and shapes die with what they wrap, and some calls on a dead
one end the program.  So nothing here keeps one over a turn of the event loop: what is kept is an
id, and the wrapper is looked up again.
"""
