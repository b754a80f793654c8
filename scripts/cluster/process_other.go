//go:build !linux

package cluster

import "syscall"

// OwnGroup keeps Ctrl-C from reaching a child before demo stops it.
func OwnGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
