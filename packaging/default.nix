# SPDX-License-Identifier: GPL-2.0
#
# In a NixOS configuration:
#   boot.extraModulePackages = [ (config.boot.kernelPackages.callPackage ./packaging { }) ];
#   boot.kernelModules = [ "msi_route" ];
#   services.udev.packages = [ the same package ];
{ lib, stdenv, kernel, kmod, ncurses, pkg-config }:

stdenv.mkDerivation {
  pname = "msi_route";
  version = "${
      builtins.head (builtins.match ".*PACKAGE_VERSION=\"([^\"]*)\".*"
        (builtins.readFile ../dkms.conf))
    }-${kernel.version}";

  src = lib.cleanSource ../.;

  hardeningDisable = [ "pic" "format" ];
  nativeBuildInputs = kernel.moduleBuildDependencies ++ [ kmod pkg-config ];
  buildInputs = [ ncurses ];

  buildPhase = ''
    make KDIR=${kernel.dev}/lib/modules/${kernel.modDirVersion}/build
    make -C tools
  '';

  installPhase = ''
    install -D -m 644 msi-route.ko \
      $out/lib/modules/${kernel.modDirVersion}/extra/msi-route.ko
    make -C packaging install PREFIX=$out UDEVDIR=$out/lib/udev \
      MODULESLOADDIR=$out/lib/modules-load.d
    make -C tools install PREFIX=$out
  '';

  meta = {
    description = "MSI and MSI-X emulation for KVM hosts";
    license = lib.licenses.gpl2Only;
    platforms = [ "x86_64-linux" ];
  };
}
