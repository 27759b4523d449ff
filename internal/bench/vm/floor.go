package vm

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bench/rounds"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/process"
)

// bareSize is about what a read's question and its answer take on the wire.
const bareSize = valueSize + 32

// echo sends back what comes over a bare socket: the least that asking another process takes.
func echo(from net.Listener) {
	for {
		conn, err := from.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			b := make([]byte, bareSize)
			for {
				if _, err := io.ReadFull(conn, b); err != nil {
					return
				}
				if _, err := conn.Write(b); err != nil {
					return
				}
			}
		}()
	}
}

// bare is a round of round trips over the bare socket.
func (s *session) bare(order rounds.Order) rounds.Result {
	b := make([]byte, bareSize)
	return timed(order, func() (time.Duration, error) {
		began := time.Now()
		if _, err := s.socket.Write(b); err != nil {
			return 0, err
		}
		_, err := io.ReadFull(s.socket, b)
		return time.Since(began), err
	})
}

// starts is a round of starts of the plugin, as a host does it with a checksum configured, up to the answer to the first call.
func (s *session) starts(order rounds.Order) rounds.Result {
	file, err := os.ReadFile(s.plugin)
	if err != nil {
		return rounds.Result{Op: order.Op, Error: err.Error()}
	}
	sum := sha256.Sum256(file)
	launcher := process.Launcher{Path: s.plugin, Checksum: sum[:], RunDir: string(s.at)}
	return timed(order, func() (time.Duration, error) {
		began := time.Now()
		p, err := launcher.Launch(vmhost.LaunchRequest{Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {}, Log: quiet()})
		if err != nil {
			return 0, err
		}
		defer p.Kill()
		_, err = pluginv1.NewVMServiceClient(p.Conn()).Describe(context.Background(), &pluginv1.DescribeRequest{})
		return time.Since(began), err
	})
}
