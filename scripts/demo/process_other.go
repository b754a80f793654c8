//go:build !linux

package demo

import "syscall"

// ownGroup keeps Ctrl-C from reaching a child before demo stops it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
