package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/process/config"
)

// ClientPlaces are those of the door for clients: as many as the settings want and file descriptors allow. A request
// that is passed on takes two descriptors, its connection and that to the chain's host, which has two of its own.
func ClientPlaces(h config.HTTP, descriptors int) httpdoor.Places {
	connections := max(4, min(h.Connections, 2*descriptors/3))
	ofAddress := max(2, h.PerAddress*connections/h.Connections)
	return httpdoor.Places{Connections: connections, OfAddress: ofAddress,
		Requests: connections / 2, RequestsOfAddress: ofAddress / 2,
		Streams: connections / 4, StreamsOfAddress: max(1, ofAddress/4)}
}

// MonitoringPlaces are those of a door for monitoring, which few have a reason to use.
var MonitoringPlaces = httpdoor.Places{Connections: 128, OfAddress: 64, Requests: 64, RequestsOfAddress: 32}

// Serve answers on listener until ctx ends, then finishes what it has begun until drain ends, and closes the rest.
func Serve(ctx, drain context.Context, listener net.Listener, handler http.Handler, places httpdoor.Places,
	log *slog.Logger) error {
	door := httpdoor.New(handler, places, log)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		if door.Shutdown(drain) != nil {
			door.Close()
		}
	}()
	err := door.Serve(listener)
	if ctx.Err() == nil {
		return err
	}
	<-stopped
	return nil
}

// counted has a place for each request that takes long or much; health and information are there for everybody.
func counted(handle http.HandlerFunc) http.Handler {
	return httpdoor.Counted(handle, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusServiceUnavailable, "so many requests are under way that this one has no place")
	})
}
