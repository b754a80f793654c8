package serving

import (
	"net"
	"syscall"
)

// tellProgress keeps little unsent in the system. Without it the kernel takes
// some megabytes, and says that there is room again only when a third of them is
// gone: a reader of 10 KB/s would look as if it stood still for minutes.
func tellProgress(c *net.TCPConn) {
	const (
		notSentLowat = 0x19 // TCP_NOTSENT_LOWAT, which package syscall does not name
		unsent       = 2 * part
	)
	raw, err := c.SyscallConn()
	if err != nil {
		return // closed already
	}
	// A kernel that refuses it serves all but the slowest readers.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, notSentLowat, unsent)
	})
}
