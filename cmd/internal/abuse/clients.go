package abuse

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// An attacking client has an address of its own, so that it uses up its own share of the door and not the honest one's.
var elsewhere = &net.TCPAddr{IP: net.IPv4(127, 0, 66, 1)}

var clientAttacks = []Attack{
	{Name: "silent-connections", Door: Client, Does: "400, silent after an answered request, and again when ended",
		Most: 48, run: silentConnections},
	{Name: "streams-not-read", Door: Client, Does: "100 event streams that nobody reads", Most: 64, run: streamsNotRead},
	{Name: "slow-bodies", Door: Client, Does: "100 requests whose bodies come at a byte a second", Most: 48,
		run: slowBodies},
	{Name: "huge-headers", Door: Client, Does: "headers of 1 MiB, 20/s", Most: 48, run: hugeHeaders},
	{Name: "reads-of-blocks", Door: Client, Does: "200/s", Most: 64, run: func(ctx context.Context, a *attacker) error {
		return a.gets(ctx, 200, func(i int) string {
			return fmt.Sprintf("http://%s/ext/chain/%s/block/%d", a.HTTP, a.Chain, 1+uint64(i)%max(1, a.Height))
		})
	}},
	{Name: "reads-of-metrics", Door: Client, Does: "200/s", Most: 64, run: func(ctx context.Context, a *attacker) error {
		return a.gets(ctx, 200, func(int) string { return "http://" + a.HTTP + "/ext/metrics" })
	}},
	{Name: "scrapes", Door: Client, Does: "of the door for monitoring, 200/s", Most: 64,
		run: func(ctx context.Context, a *attacker) error {
			return a.gets(ctx, 200, func(int) string { return "http://" + a.Monitoring + "/metrics" })
		}},
}

// dial makes a connection to the door for clients, and notices when it is ended.
func (a *attacker) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{LocalAddr: elsewhere}
	c, err := d.DialContext(ctx, "tcp", a.HTTP)
	if err != nil {
		a.refused.Add(1)
		return nil, err
	}
	a.opened.Add(1)
	return c, nil
}

// asClients does something with so many connections at once, each again when the node has ended it.
func (a *attacker) asClients(ctx context.Context, n int, do func(c net.Conn) error) error {
	return together(n, func(int) error {
		comingBack(ctx, a, a.dial, do)
		return nil
	})
}

// asks sends a request by hand.
func (a *attacker) asks(c net.Conn, text string) error {
	n, err := io.WriteString(c, text)
	a.sends(n)
	return err
}

// waits takes what comes until the node ends the connection.
func (a *attacker) waits(c net.Conn) error {
	n, err := io.Copy(io.Discard, c)
	a.heard.Add(uint64(n))
	if err == nil {
		err = io.EOF
	}
	return err
}

func silentConnections(ctx context.Context, a *attacker) error {
	return a.asClients(ctx, 400, func(c net.Conn) error {
		if err := a.asks(c, "GET /ext/health/liveness HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		r.Body.Close()
		return a.waits(c)
	})
}

// streamsNotRead has the smallest buffers, so that what is written soon waits for somebody who doesn't read.
func streamsNotRead(ctx context.Context, a *attacker) error {
	return a.asClients(ctx, 100, func(c net.Conn) error {
		if err := c.(*net.TCPConn).SetReadBuffer(1); err != nil {
			return err
		}
		err := a.asks(c, "GET /ext/bc/"+a.Chain+"/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if err == nil {
			<-ctx.Done() // whether it has been ended can't be seen without reading
		}
		return err
	})
}

func slowBodies(ctx context.Context, a *attacker) error {
	return a.asClients(ctx, 100, func(c net.Conn) error {
		head := "POST /ext/bc/" + a.Chain + "/tx HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
		if err := a.asks(c, head); err != nil {
			return err
		}
		return often(ctx, 1, func(int) error { return a.asks(c, "x") })
	})
}

func hugeHeaders(ctx context.Context, a *attacker) error {
	line := "X-Filler: " + strings.Repeat("x", 1000) + "\r\n"
	return often(ctx, 20, func(int) error {
		c, err := a.dial(ctx)
		if err != nil {
			return nil //nolint:nilerr // counted: it was refused
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second)) //nolint:errcheck // the next write tells
		err = a.asks(c, "GET /ext/info HTTP/1.1\r\nHost: localhost\r\n")
		for sent := 0; err == nil && sent < 1<<20; sent += len(line) {
			_, err = io.WriteString(c, line)
			a.bytes.Add(uint64(len(line)))
		}
		if err != nil {
			a.ended.Add(1)
		}
		return nil
	})
}

// mostAtOnce is how many answers a client waits for.
const mostAtOnce = 32

// gets reads so many times a second, over kept connections.
func (a *attacker) gets(ctx context.Context, perSecond float64, url func(i int) string) error {
	client := a.browser()
	defer client.CloseIdleConnections()
	return a.atOnce(ctx, perSecond, func(i int) { a.get(ctx, client, url(i)) })
}

// atOnce asks so many times a second, or as often as the node answers.
func (a *attacker) atOnce(ctx context.Context, perSecond float64, ask func(i int)) error {
	slots := make(chan struct{}, mostAtOnce)
	return often(ctx, perSecond, func(i int) error {
		select {
		case slots <- struct{}{}:
			go func() {
				defer func() { <-slots }()
				ask(i)
			}()
		default: // the node is slower than that
		}
		return nil
	})
}

func (a *attacker) browser() *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: mostAtOnce, DialContext: (&net.Dialer{LocalAddr: elsewhere}).DialContext,
	}}
}

func (a *attacker) get(ctx context.Context, client *http.Client, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err == nil {
		a.exchange(client, req)
	}
}

// exchange sends a request and counts what comes of it.
func (a *attacker) exchange(client *http.Client, req *http.Request) {
	r, err := client.Do(req)
	if err != nil {
		a.refused.Add(1)
		return
	}
	defer r.Body.Close()
	n, _ := io.Copy(io.Discard, r.Body) //nolint:errcheck // what came counts
	a.heard.Add(uint64(n))
	if r.StatusCode >= http.StatusBadRequest {
		a.refused.Add(1)
		return
	}
	a.sends(int(req.ContentLength))
}
