package cluster

import "syscall"

// OwnGroup keeps Ctrl-C from reaching a child before demo stops it, and has the
// kernel stop the child if demo is killed.
func OwnGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
