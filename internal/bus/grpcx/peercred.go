package grpcx

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// PeerInfo is what the kernel says of the process at the other end of a unix socket.
type PeerInfo struct {
	credentials.CommonAuthInfo
	Pid      int32 // 0 when it is in another pid namespace
	Uid, Gid uint32
}

// AuthType names it.
func (PeerInfo) AuthType() string { return "peercred" }

// PeerOf is what the kernel said of a call's other end; false on other sockets.
func PeerOf(ctx context.Context) (PeerInfo, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return PeerInfo{}, false
	}
	auth := p.AuthInfo
	if k, wrapped := auth.(interface{ Unwrap() credentials.AuthInfo }); wrapped {
		auth = k.Unwrap()
	}
	info, ok := auth.(PeerInfo)
	return info, ok
}

// PeerCreds are transport credentials for unix sockets: they encrypt nothing, and tell who the other end is.
func PeerCreds() credentials.TransportCredentials { return peerCreds{} }

type peerCreds struct{}

func (peerCreds) ClientHandshake(_ context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c, PeerInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
}

func (peerCreds) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return c, PeerInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
	}
	info, err := Peer(u)
	if err != nil {
		return nil, nil, err
	}
	return c, info, nil
}

// Peer asks the kernel who is at the other end of a unix socket.
func Peer(c *net.UnixConn) (info PeerInfo, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return info, err
	}
	var cred *unix.Ucred
	var unknown error
	err = raw.Control(func(fd uintptr) {
		cred, unknown = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, unknown); err != nil {
		return info, fmt.Errorf("the peer of a unix socket is not known: %w", err)
	}
	info.SecurityLevel = credentials.NoSecurity
	info.Pid, info.Uid, info.Gid = cred.Pid, cred.Uid, cred.Gid
	return info, nil
}

func (peerCreds) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}
func (p peerCreds) Clone() credentials.TransportCredentials { return p }
func (peerCreds) OverrideServerName(string) error           { return nil }
