// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note

// msi_route from Go, by cgo.
package main

// #cgo pkg-config: msi_route
// #include <linux/msi_route.h>
import "C"

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func query(device string) (q C.struct_msi_route_query, err error) {
	file, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer file.Close()
	q.size = C.__u32(unsafe.Sizeof(q))
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), C.MSI_ROUTE_QUERY,
		uintptr(unsafe.Pointer(&q)))
	if errno != 0 {
		err = errno
	}
	return
}

func main() {
	if len(os.Args) < 2 {
		layout()
		return
	}
	q, err := query(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("version %d, features %x\n", q.version, q.features)
}
