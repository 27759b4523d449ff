package intercept

import (
	"context"
	"log/slog"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"google.golang.org/grpc"
)

var (
	events = logging.WithLogOnEvents(logging.FinishCall)
	// untimed is for calls that are logged after the fact.
	untimed = logging.WithDurationField(func(time.Duration) logging.Fields { return nil })
)

// logger writes calls that went well at debug: a node answers thousands.
func (c Chain) logger() logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, lvl logging.Level, msg string, fields ...any) {
		level := slog.LevelDebug
		if lvl >= logging.LevelError {
			level = slog.LevelWarn
		}
		c.Log.Log(ctx, level, msg, fields...)
	})
}

func (c Chain) debug(ctx context.Context) bool { return c.Log.Enabled(ctx, slog.LevelDebug) }

// logUnary is the middleware's logging for calls that fail, and for all when somebody looks: what it gathers for a line
// costs as much as a fast call.
func (c Chain) logUnary() grpc.UnaryServerInterceptor {
	log := logging.UnaryServerInterceptor(c.logger(), events)
	failure := logging.UnaryServerInterceptor(c.logger(), events, untimed)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if c.debug(ctx) {
			return log(ctx, request, info, handler)
		}
		response, err := handler(ctx, request)
		if err != nil {
			return failure(ctx, request, info, func(context.Context, any) (any, error) { return response, err })
		}
		return response, nil
	}
}

// logClient is logUnary for calls that are made.
func (c Chain) logClient() grpc.UnaryClientInterceptor {
	log := logging.UnaryClientInterceptor(c.logger(), events)
	failure := logging.UnaryClientInterceptor(c.logger(), events, untimed)
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if c.debug(ctx) {
			return log(ctx, method, request, reply, conn, invoke, options...)
		}
		err := invoke(ctx, method, request, reply, conn, options...)
		if err != nil {
			_ = failure(ctx, method, request, reply, conn,
				func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
					return err
				}, options...)
		}
		return err
	}
}
