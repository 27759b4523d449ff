package bus

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/overseer"
)

// playOverseer serves the bus with every rule of it on. A line of input is answered with the most bytes that its
// mailboxes may hold.
func playOverseer(socket string, in io.Reader, out io.Writer) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	core, err := overseer.New(overseer.Config{Epoch: 1, Log: log})
	if err != nil {
		return err
	}
	server := overseer.NewServer(core, nil)
	defer server.Close()
	kind, err := carrier.Parse("")
	if err != nil {
		return err
	}
	listener := server.Listen(grpcx.Server{Log: log, Creds: grpcx.PeerCreds()}, kind)
	defer listener.Stop()
	at, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() { _ = listener.Serve(at) }()
	rounds.Obey(in, out, func(string) string { return fmt.Sprint(server.Status().Bound) })
	return nil
}
