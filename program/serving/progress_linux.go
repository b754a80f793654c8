package serving

import (
	"net"
	"syscall"
)

// tellProgress limits the unsent data in the kernel. Otherwise the kernel buffers some
// megabytes, and reports free space only after a third of them is sent: a client that
// reads 10 KB/s would seem to stall for minutes.
func tellProgress(c *net.TCPConn) {
	const (
		notSentLowat = 0x19 // TCP_NOTSENT_LOWAT, missing in package syscall
		unsent       = 2 * part
	)
	raw, err := c.SyscallConn()
	if err != nil {
		return // already closed
	}
	// Without this option only the slowest readers are affected.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, notSentLowat, unsent)
	})
}
