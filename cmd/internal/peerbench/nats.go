package main

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// NATS: core request-reply and publish-subscribe through one server, all three processes with their defaults over
// loopback TCP, which is what its client speaks. The one setting changed is the subscriber's pending limit: by
// default the client library drops what exceeds it, and a lost message would end the round.

const (
	natsAsk     = "ask"
	natsFlood   = "flood"
	natsTimeout = 30 * time.Second
)

func serveNATS(_ string, ready func(string), done <-chan struct{}) error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	go s.Start()
	if !s.ReadyForConnections(natsTimeout) {
		return errors.New("the NATS server did not listen in time")
	}
	ready(s.ClientURL())
	<-done
	s.Shutdown()
	return nil
}

func answerNATS(address string, ready func(string), done <-chan struct{}) error {
	conn, err := nats.Connect(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Subscribe(natsAsk, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		return err
	}
	var count uint64 // only the subscription's own goroutine touches it
	flood, err := conn.Subscribe(natsFlood, func(m *nats.Msg) {
		count++
		if m.Reply != "" {
			_ = m.Respond(binary.BigEndian.AppendUint64(nil, count))
			count = 0
		}
	})
	if err != nil {
		return err
	}
	if err := flood.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	ready(address)
	<-done
	return nil
}

type natsClient struct{ conn *nats.Conn }

func connectNATS(address string) (client, error) {
	conn, err := nats.Connect(address)
	if err != nil {
		return nil, err
	}
	return &natsClient{conn}, nil
}

func (c *natsClient) Ask(payload []byte) error {
	echo, err := c.conn.Request(natsAsk, payload, natsTimeout)
	if err != nil {
		return err
	}
	return sameLength(echo.Data, payload, nil)
}

func (c *natsClient) Flood(payload []byte, n int) error {
	for range n - 1 {
		if err := c.conn.Publish(natsFlood, payload); err != nil {
			return err
		}
	}
	count, err := c.conn.Request(natsFlood, payload, natsTimeout)
	if err != nil {
		return err
	}
	return sameCount(binary.BigEndian.Uint64(count.Data), n)
}

func (c *natsClient) Close() { c.conn.Close() }
