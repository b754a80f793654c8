package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// runNginx runs nginx until the test ends. configure returns the lines of its http
// block; it gets the address to listen on, which runNginx returns.
func runNginx(t *testing.T, configure func(addr string) string) (addr string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed: no front end to test with")
	}
	// An open port is passed to it: one that was merely free might be taken meanwhile.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	addr = listener.Addr().String()
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `daemon off; user root; pid %[1]s/pid; error_log %[1]s/log;
events {}
http {
  access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  %[2]s
}
`, dir, configure(addr)), 0o600))
	cmd := exec.CommandContext(t.Context(), program, "-p", dir, "-c", file)
	cmd.ExtraFiles, cmd.Env = []*os.File{socket}, append(os.Environ(), "NGINX=3;")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // its workers end with it
	cmd.WaitDelay = patience
	var printed strings.Builder // errors in the configuration
	cmd.Stderr = &printed
	require.NoError(t, cmd.Start())
	require.NoError(t, socket.Close())
	t.Cleanup(func() {
		_ = cmd.Wait() // the test's context has ended it
		if log, _ := os.ReadFile(filepath.Join(dir, "log")); t.Failed() {
			t.Logf("nginx logged: %s%s", printed.String(), log)
		}
	})
	return addr
}
