package gateway

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/internal/bus/accept/accepttest"
)

// Whoever serves ends with it: a node that nobody can ask mustn't look as if it were well.
func TestADoorThatEndsByItselfIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = Serve(t.Context(), t.Context(), accepttest.Broken{Listener: l}, http.NotFoundHandler(), MonitoringPlaces,
		slog.New(slog.DiscardHandler))
	if !errors.Is(err, syscall.EBADF) {
		t.Error(err)
	}
}
