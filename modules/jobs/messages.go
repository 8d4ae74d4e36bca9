package jobs

import (
	"os"

	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/logmail"
	"github.com/ostiary/ostiary/adapters/smsgateway"
	"github.com/ostiary/ostiary/adapters/smtpmail"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/ports"
)

// deliver delivers messages. The stop waits for sends in progress.
func deliver(d deps) error {
	mail, err := newMail(d.Config)
	if err != nil {
		return err
	}
	sms, err := newSMS(d.Config.SMS)
	if err != nil {
		return err
	}
	log := d.Log.Named("messages")
	onFailure := notify.WorkerConfig{OnFailure: func(f notify.Failure) { report(log, f) }}
	worker := notify.NewWorker(d.Storage.Messages, d.Sealer, d.Clock, onFailure, mail, sms)
	background(d.Lifecycle, worker.Run)
	return nil
}

// report logs a failed attempt. The failure contains nothing of the message's content.
func report(log *zap.Logger, f notify.Failure) {
	fields := []zap.Field{
		zap.String("message_id", string(f.ID)), zap.String("channel", string(f.Channel)),
		zap.String("user_id", string(f.UserID)), zap.Error(f.Err),
	}
	if f.Dropped {
		log.Error("message dropped", fields...)
		return
	}
	log.Warn("message not delivered yet", fields...)
}

func newMail(c config.Config) (ports.Sender, error) {
	if c.Mail.Driver != config.DriverSMTP {
		return logmail.New(domain.ChannelMail, os.Stderr), nil
	}
	server := c.Mail.SMTP
	return smtpmail.New(smtpmail.Config{
		Address: server.Address, Username: server.Username, Password: server.Password.Reveal(), From: server.From,
		TLS: server.TLS, CAFile: server.CAFile, Hello: c.MailHello(), Timeout: server.Timeout,
	})
}

func newSMS(c config.SMS) (ports.Sender, error) {
	if c.Driver != config.DriverHTTP {
		return logmail.New(domain.ChannelSMS, os.Stderr), nil
	}
	headers := map[string]string{}
	for name, value := range c.HTTP.Headers {
		headers[name] = value.Reveal()
	}
	return smsgateway.New(smsgateway.Config{
		URL: c.HTTP.URL, Method: c.HTTP.Method, Headers: headers, Body: c.HTTP.Body, Secret: c.HTTP.Secret.Reveal(),
		SuccessStatus: c.HTTP.SuccessStatus, Timeout: c.HTTP.Timeout,
	})
}
