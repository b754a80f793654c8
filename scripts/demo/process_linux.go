package demo

import "syscall"

// ownGroup keeps Ctrl-C from reaching a child before demo asks it to stop, and
// has the kernel stop it when demo dies without a chance to.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
