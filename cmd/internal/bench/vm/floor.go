package vm

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/launch"
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

// trip is a round trip over the bare socket.
func (s *session) trip() error {
	b := make([]byte, bareSize)
	if _, err := s.socket.Write(b); err != nil {
		return err
	}
	_, err := io.ReadFull(s.socket, b)
	return err
}

// least goes the ways of a block and does nothing on them: the engine asks the host four times, the host the plugin
// three times, the plugin reads once, and the disk is waited for. The order's operation says whether the last of it is
// timed, or all.
func (s *session) least(order rounds.Order) rounds.Result {
	return timed(order, func() (time.Duration, error) {
		began := time.Now()
		for range 4 {
			if err := errors.Join(s.lastAccepted(), s.trip()); err != nil {
				return 0, err
			}
		}
		if order.Op == "commit" {
			began = time.Now()
		}
		err := s.stores.commit()
		return time.Since(began), err
	})
}

// lastAccepted is an ask that the host answers itself.
func (s *session) lastAccepted() error {
	a, err := ask[*vmv1.LastAcceptedResponse](s.sub, &vmv1.LastAccepted{})
	if err != nil {
		return err
	}
	return refusal(a.GetError())
}

// starts is a round of starts of the plugin, as a host does it with a checksum configured, up to the answer to the
// first call.
func (s *session) starts(order rounds.Order) rounds.Result {
	file, err := os.ReadFile(s.plugin)
	if err != nil {
		return rounds.Result{Op: order.Op, Error: err.Error()}
	}
	sum := sha256.Sum256(file)
	launcher := process.Launcher{Path: s.plugin, Checksum: sum[:], RunDir: string(s.at)}
	return timed(order, func() (time.Duration, error) {
		began := time.Now()
		p, err := launcher.Launch(launch.Request{Services: func(grpc.ServiceRegistrar) {}, OnExit: func(error) {},
			Log: quiet()})
		if err != nil {
			return 0, err
		}
		defer p.Kill()
		_, err = pluginv1.NewVMServiceClient(p.Conn()).Describe(context.Background(), &pluginv1.DescribeRequest{})
		return time.Since(began), err
	})
}
