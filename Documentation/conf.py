# SPDX-License-Identifier: GPL-2.0
"""Sphinx's configuration; build sets the environment that it reads."""
import os
import re
import sys

from docutils import nodes

kernel = os.environ["KERNEL_FILES"]
top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(kernel, "Documentation", "sphinx"))

project = "msi_route"
with open(os.path.join(top, "dkms.conf"), encoding="utf-8") as file:
    release = re.search(r'^PACKAGE_VERSION="(.*)"', file.read(), re.M).group(1)
extensions = ["kerneldoc", "sphinx.ext.graphviz"]
graphviz_output_format = "svg"
kerneldoc_bin = os.path.join(kernel, "scripts", "kernel-doc")
kerneldoc_srctree = top
kerneldoc_verbosity = 1

primary_domain = "c"
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {
    "description": "MSI and MSI-X emulation for KVM hosts",
    "page_width": "1000px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_copyright = False

# Types of the kernel and of C's library, which have no page here: arguments of the helper.
nitpick_ignore = [("c:identifier", name) for name in (
    "__u8", "__u16", "__u32", "__u64", "size_t", "kvm_irq_routing_entry")]

man_pages = [
    ("module", "msi_route", "MSI and MSI-X emulation for KVM hosts", "", 4),
    ("uapi", "ioctl_msi_route", "the ioctls of msi_route", "", 2),
    ("rules", "msi_route_rules", "what MSI and MSI-X of a PCI function must do", "", 7),
]


def lists_for_man(app, doctree, _docname):
    """In a manual page a table is a list: a box is wider than the terminal sooner."""
    if app.builder.name != "man":
        return
    for table in list(doctree.findall(nodes.table)):
        heads = [e.astext() for h in table.findall(nodes.thead) for e in h[0]]
        items = nodes.definition_list()
        for row in next(table.findall(nodes.tbody)):
            first, *others = row
            term = nodes.term("", "", *[c for p in first for c in p.children])
            if len(others) == 1:
                text = others[0].children
            else:
                # On one line, each with the head of its column.
                line = nodes.paragraph()
                for head, cell in zip(heads[1:], others):
                    line += nodes.Text(f"{'; ' if len(line) else ''}{head}: ")
                    line += [c for p in cell for c in p.children]
                text = [line]
            items += nodes.definition_list_item("", term, nodes.definition("", *text))
        table.replace_self(items)


def boxes_for_html(app, doctree, _docname):
    """A table that is wider than the page scrolls in a box of its own."""
    if app.builder.format != "html":
        return
    for table in list(doctree.findall(nodes.table)):
        table.replace_self(nodes.container("", table.deepcopy(), classes=["wide"]))


def setup(app):
    app.connect("doctree-resolved", lists_for_man)
    app.connect("doctree-resolved", boxes_for_html)
