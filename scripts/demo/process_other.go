//go:build !linux

package demo

import "syscall"

// ownGroup keeps Ctrl-C from reaching a child before demo asks it to stop.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
