package vmtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/reevenet/reeve/vmhost/inproc"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Value runs the VM in the test, called directly.
func Value(newVM func() vmsdk.VM) launch.Launcher { return inMemory{newVM: newVM} }

// Pipe runs the VM in the test, behind gRPC.
func Pipe(newVM func() vmsdk.VM) launch.Launcher { return inMemory{newVM: newVM, grpc: true} }

// inMemory runs a VM as a Go value, with a directory for its HTTP socket.
type inMemory struct {
	newVM func() vmsdk.VM
	grpc  bool
}

func (l inMemory) Launch(r launch.Request) (launch.Plugin, error) {
	dir, err := os.MkdirTemp("", "vmtest")
	if err != nil {
		return nil, err
	}
	p := &memory{dir: dir, onExit: r.OnExit, log: r.Log}
	toHost := inproc.New()
	r.Services(toHost)
	p.closers = append(p.closers, func() { toHost.Break(errors.New("the host is gone")) })
	p.server = vmsdk.NewServer(l.newVM(), vmsdk.Environment{Host: toHost, Log: r.Log})
	if !l.grpc {
		conn := inproc.New()
		p.server.Register(conn)
		p.conn = caught{conn, p}
		p.closers = append(p.closers, func() { conn.Break(errors.New("the VM has ended")) })
		return p, nil
	}
	return p, p.pipe()
}

type memory struct {
	dir     string
	server  *vmsdk.Server
	conn    grpc.ClientConnInterface
	onExit  func(error)
	log     *slog.Logger
	closers []func()
	once    sync.Once
}

func (p *memory) pipe() error {
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.UnaryInterceptor(p.recover),
		grpc.MaxRecvMsgSize(vmsdk.MaxMessage), grpc.MaxSendMsgSize(vmsdk.MaxMessage))
	p.server.Register(server)
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:vm", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(vmsdk.MaxMessage),
			grpc.MaxCallSendMsgSize(vmsdk.MaxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn,
			error) {
			return listener.DialContext(ctx)
		}))
	if err != nil {
		return err
	}
	p.conn = conn
	p.closers = append(p.closers, func() { conn.Close(); go server.Stop() })
	return nil
}

// recover turns a panic into what it is in a process: the end.
func (p *memory) recover(
	ctx context.Context, r any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = p.panicked(cause)
		}
	}()
	return handle(ctx, r)
}

func (p *memory) panicked(cause any) error {
	_, frames, _ := strings.Cut(string(debug.Stack()), "\npanic(") // without those between the panic and here
	p.log.Error(fmt.Sprintf("panic: %v\npanic(%s", cause, frames))
	go p.end(fmt.Errorf("panic: %v", cause))
	return status.Errorf(codes.Unavailable, "the VM panicked: %v", cause)
}

// caught is a direct connection on which a panic, or a call that never returns, is the caller's error.
type caught struct {
	grpc.ClientConnInterface
	p *memory
}

func (c caught) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				done <- c.p.panicked(cause)
			}
		}()
		done <- c.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (p *memory) Conn() grpc.ClientConnInterface        { return p.conn }
func (p *memory) PID() int                              { return 0 }
func (p *memory) Host() (address, token, runDir string) { return "", "", p.dir }
func (p *memory) File() launch.File                     { return launch.File{} }
func (p *memory) Sockets() []string                     { return nil }
func (p *memory) Guard() string                         { return "" }
func (p *memory) Dump()                                 {}
func (p *memory) Kill()                                 { p.end(errors.New("killed")) }
func (p *memory) Stop(time.Duration)                    { p.end(nil) }

func (p *memory) end(cause error) {
	p.once.Do(func() {
		for _, c := range p.closers {
			c()
		}
		os.RemoveAll(p.dir)
		p.onExit(cause)
	})
}
