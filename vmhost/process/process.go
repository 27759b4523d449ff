// Package process starts VM plugins as processes, through hashicorp/go-plugin, with what that library leaves to its
// user: an environment of our own, a parent-death signal, a kill that doesn't depend on the plugin's good will, limits
// on messages, and errors at the start that say what happened.
package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/vmhost/fastcall"
	"github.com/reevenet/reeve/vmhost/handshake"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Launcher starts one plugin file, again and again.
type Launcher struct {
	// Path is the plugin's file.
	Path string
	// Args are given to it; usually none.
	Args []string
	// Checksum is the SHA-256 that the file must have. Empty: any. What is checked is what is run: the file is copied
	// to memory and sealed first.
	Checksum []byte
	// RunDir is where sockets go. Each launch makes a directory of its own in it, which only this user can enter.
	// Empty, or too long for a socket's path: the system's directory for temporary files.
	RunDir string
	// Env is added to the plugin's environment, which is otherwise empty apart from what package door names.
	Env []string
	// Confine keeps the plugin from what isn't its business; nil: nothing does.
	Confine *launch.Confine
	// Handshake is the limit for the first line of output. 0: launch.HandshakeLimit.
	Handshake time.Duration
}

// Launch starts the plugin and connects to it.
func (l Launcher) Launch(r launch.Request) (launch.Plugin, error) {
	var err error
	if l.Path, err = filepath.Abs(l.Path); err != nil {
		return nil, err
	}
	image, err := l.prepare()
	if err != nil {
		return nil, err
	}
	defer image.close()
	dir, err := makeRunDir(l.base())
	if err != nil {
		return nil, fmt.Errorf("no directory for the plugin's sockets: %w", err)
	}
	p := &Plugin{dir: dir, token: rand.Text(), uid: l.uid(), log: r.Log}
	err = p.serveHost(r)
	if err == nil {
		err = l.own(dir.path, filepath.Join(dir.path, httpDir), filepath.Join(dir.path, hostSocket))
	}
	if err != nil {
		p.stopServing()
		return nil, errors.Join(err, dir.remove())
	}
	p.runner = newRunner(l, image, dir.path, r)
	p.client = plugin.NewClient(l.clientConfig(p, r))
	if err := p.connect(l.handshake()); err != nil {
		err = l.explain(p.runner, err)
		p.Kill()
		p.clean()
		return nil, err
	}
	p.file, p.library = image.file(), p.client.ReattachConfig().Addr.String()
	go p.watch(r.OnExit)
	return p, nil
}

func (l Launcher) handshake() time.Duration {
	if l.Handshake == 0 {
		return launch.HandshakeLimit
	}
	return l.Handshake
}

func (l Launcher) clientConfig(p *Plugin, r launch.Request) *plugin.ClientConfig {
	options := append(r.Around.DialOptions(), grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(vmsdk.MaxMessage), grpc.MaxCallSendMsgSize(vmsdk.MaxMessage),
		grpc.ForceCodecV2(decode.NewCodec(fastcall.Budget))))
	return &plugin.ClientConfig{
		HandshakeConfig:  handshake.Handshake,
		VersionedPlugins: handshake.Versions(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     l.handshake(),
		RunnerFunc:       p.runner.forLibrary,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.dir.path},
		GRPCDialOptions:  options,
		// What a plugin in Go prints comes this way, since the library replaces os.Stdout and os.Stderr in it.
		SyncStdout: &lines{to: p.runner.output.line},
		SyncStderr: &lines{to: p.runner.output.line},
		Logger:     hclog.NewNullLogger(),
	}
}

// Plugin is a running plugin process.
type Plugin struct {
	dir     *runDir
	token   string
	uid     uint32
	file    launch.File
	library string // the library's socket
	host    *grpc.Server
	fast    *fastcall.Server
	runner  *runner
	client  *plugin.Client
	conn    *grpc.ClientConn
	log     *slog.Logger
	cleaned sync.Once
}

// connect does the handshake. The library can't be interrupted, so that it is left behind when it takes too long.
func (p *Plugin) connect(limit time.Duration) error {
	type outcome struct {
		conn any
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		protocol, err := p.client.Client()
		if err != nil {
			done <- outcome{err: err}
			return
		}
		conn, err := protocol.Dispense(handshake.PluginName)
		done <- outcome{conn, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return o.err
		}
		p.conn = o.conn.(*grpc.ClientConn)
		return nil
	case <-time.After(limit + time.Second):
		return errors.New("no connection in time")
	}
}

// watch cleans up when the process has ended, and tells.
func (p *Plugin) watch(onExit func(error)) {
	<-p.runner.exited
	cause := p.runner.cause()
	p.clean()
	onExit(cause)
}

// clean lets go of everything that belongs to the process. The library's own Kill only ends its goroutines here: the
// process is dead already.
func (p *Plugin) clean() {
	p.cleaned.Do(func() {
		go p.client.Kill()
		if p.conn != nil {
			p.conn.Close()
		}
		p.stopServing()
		if err := p.dir.remove(); err != nil {
			p.log.Warn("what the plugin has left can't be removed; the next start tries again", "err", err)
		}
	})
}

func (p *Plugin) stopServing() {
	if p.fast != nil {
		p.fast.Close()
	}
	if p.host != nil {
		p.host.Stop()
	}
}

// Guard says what protects the node from the plugin.
func (p *Plugin) Guard() string { return p.runner.guard }

// Conn leads to the plugin's services, by fast calls once the plugin has opened channels.
func (p *Plugin) Conn() grpc.ClientConnInterface {
	return &fastcall.Conn{ClientConnInterface: p.conn, For: p.channelsFor}
}

// PID is the process's.
func (p *Plugin) PID() int { return p.runner.pid() }

// File is the program as it was when it was started.
func (p *Plugin) File() launch.File { return p.file }

// Sockets are the host's and the library's.
func (p *Plugin) Sockets() []string {
	return []string{filepath.Join(p.dir.path, hostSocket), p.library}
}

// Host is where the plugin finds the host's services.
func (p *Plugin) Host() (address, token, runDir string) {
	return "unix:" + filepath.Join(p.dir.path, hostSocket), p.token, filepath.Join(p.dir.path, httpDir)
}

// Dump has the process write down its goroutines.
func (p *Plugin) Dump() { p.runner.dump() }

// Kill ends the process and its children, in whatever state they are.
func (p *Plugin) Kill() {
	p.runner.kill()
	select {
	case <-p.runner.exited:
	case <-time.After(5 * time.Second): // in uninterruptible sleep; it dies when the kernel lets it
	}
}

// Stop asks the process to end, and kills it if it doesn't.
func (p *Plugin) Stop(limit time.Duration) {
	go p.client.Kill()
	select {
	case <-p.runner.exited:
	case <-time.After(limit):
		p.Kill()
	}
	p.clean()
}

// serveHost serves the host's services on a socket that only this user can open, to callers with the token.
func (p *Plugin) serveHost(r launch.Request) error {
	socket := filepath.Join(p.dir.path, hostSocket)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("the socket for the plugin's calls: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		listener.Close()
		return fmt.Errorf("the socket for the plugin's calls: %w", err)
	}
	p.host = newHostServer(p.token, r)
	r.Services(p.host)
	p.fast = fastcall.NewServer(p.token, r.Around, grpcx.Server{Log: r.Log}.StreamInterceptor())
	r.Services(&p.fast.Services)
	p.fast.Serve(sameUser{listener, p.uid, r.Log}, p.host)
	return nil
}

var _ launch.Launcher = Launcher{}
