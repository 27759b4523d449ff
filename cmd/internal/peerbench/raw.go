package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"time"
)

// The floor: three processes and two unix sockets with nothing but length-prefixed frames between them. A broker
// can't be faster than this; how near it comes is the price of being one.

// relayRaw joins the first two connections: what one says, the other hears.
func relayRaw(address string, ready func(string), done <-chan struct{}) error {
	listener, err := net.Listen("unix", address)
	if err != nil {
		return err
	}
	defer listener.Close()
	ready(address)
	go func() {
		var ends [2]*frames
		for i := range ends {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			ends[i] = newFrames(conn)
		}
		go pass(ends[0], ends[1])
		pass(ends[1], ends[0])
	}()
	<-done
	return nil
}

// pass copies frames until a side ends; it flushes when there is nothing left to read.
func pass(from, to *frames) {
	for {
		kind, payload, err := from.read()
		if err != nil {
			return
		}
		if err := to.write(kind, payload); err != nil {
			return
		}
		if from.idle() {
			if err := to.out.Flush(); err != nil {
				return
			}
		}
	}
}

func answerRaw(address string, ready func(string), done <-chan struct{}) error {
	conn, err := net.Dial("unix", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ready(address)
	go answerFrames(newFrames(conn))
	<-done
	return nil
}

func answerFrames(f *frames) {
	var count uint64
	for {
		kind, payload, err := f.read()
		if err != nil {
			return
		}
		switch kind {
		case frameAsk:
			err = f.write(frameAsk, payload)
		case frameOne:
			count++
		case frameLast:
			err = f.write(frameCount, binary.BigEndian.AppendUint64(nil, count+1))
			count = 0
		}
		if err == nil && f.idle() {
			err = f.out.Flush()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "answerer:", err)
			return
		}
	}
}

type rawClient struct {
	conn net.Conn
	*frames
}

func connectRaw(address string) (client, error) {
	conn, err := net.DialTimeout("unix", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &rawClient{conn: conn, frames: newFrames(conn)}, nil
}

func (c *rawClient) Ask(payload []byte) error {
	if err := c.write(frameAsk, payload); err != nil {
		return err
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	_, echo, err := c.read()
	return sameLength(echo, payload, err)
}

func (c *rawClient) Flood(payload []byte, n int) error {
	for range n - 1 {
		if err := c.write(frameOne, payload); err != nil {
			return err
		}
	}
	if err := c.write(frameLast, payload); err != nil {
		return err
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	_, body, err := c.read()
	if err != nil {
		return err
	}
	return sameCount(binary.BigEndian.Uint64(body), n)
}

func (c *rawClient) Close() { c.conn.Close() }

// sameLength checks an echo: a peer that answers with something else is not being measured.
func sameLength(echo, payload []byte, err error) error {
	if err == nil && len(echo) != len(payload) {
		err = fmt.Errorf("sent %d bytes, %d came back", len(payload), len(echo))
	}
	return err
}

func sameCount(counted uint64, n int) error {
	if counted != uint64(n) {
		return fmt.Errorf("sent %d messages, %d arrived", n, counted)
	}
	return nil
}
