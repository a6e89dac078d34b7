# SPDX-License-Identifier: GPL-2.0
"""Sphinx's configuration; build sets the environment that it reads."""
import os
import re
import sys

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
html_copy_source = False
html_show_copyright = False

man_pages = [
    ("module", "msi_route", "MSI and MSI-X emulation for KVM hosts", "", 4),
    ("uapi", "ioctl_msi_route", "the ioctls of msi_route", "", 2),
    ("rules", "msi_route_rules", "what MSI and MSI-X of a PCI function must do", "", 7),
]
