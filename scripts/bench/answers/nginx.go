package answers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/scripts/freeport"
)

// nginxConfig serves files of a folder that are compressed already, with no
// more work than that. For bodies above 300 KB sendfile is the slower way on
// some kernels, so both are measured.
const nginxConfig = `worker_processes 1; daemon off; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
  access_log off; sendfile %[2]s; %[3]s keepalive_requests 1000000000; tcp_nodelay on; gzip_static always;
  types { application/json json; }
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen %[4]s; root %[5]s; }
}
`

// startNginx serves the files under root, one worker on the core of servers.
func (r *run) startNginx(ctx context.Context, root string, sendfile bool) (*child, error) {
	dir, err := os.MkdirTemp("", "wmstats-nginx-")
	if err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	addr, err := freeport.Addr(ctx)
	if err != nil {
		return nil, err
	}
	onOff, buffers := "on", ""
	if !sendfile {
		onOff, buffers = "off", "output_buffers 1 1m;"
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, onOff, buffers, addr, root), 0o600); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", serverCore, "nginx", "-p", dir, "-c", config)
	cmd.Stderr = r.Log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	c := &child{url: "http://" + addr, cmd: cmd}
	r.children = append(r.children, c)
	for range 200 { // it opens its port within milliseconds
		if c.pid = workerOf(cmd.Process.Pid); c.pid != 0 {
			if conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
				return c, conn.Close()
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, errors.New("start nginx: it does not listen")
}

// workerOf finds the one child of a process; 0 as long as there is none.
func workerOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	worker, _ := strconv.Atoi(strings.TrimSpace(string(text))) // none yet: 0
	return worker
}
