package config

import "net/url"

// Warnings tell what is no mistake and still looks like one.
func (c Config) Warnings() []Mistake {
	var m Mistakes
	c.HTTP.warn(&m)
	if c.Mail.Driver == DriverLog && c.Mail.SMTP.Address != "" {
		m.add("mail.driver", "is log: mail.smtp is set and not used")
	}
	if c.SMS.Driver == DriverLog && c.SMS.HTTP.URL != "" {
		m.add("sms.driver", "is log: sms.http is set and not used")
	}
	if c.Storage.Driver == StorageSQLite && c.Storage.MongoDB.URI != "" {
		m.add("storage.driver", "is sqlite: storage.mongodb is set and not used")
	}
	return m
}

func (h HTTP) warn(m *Mistakes) {
	public, err := url.Parse(h.PublicURL)
	if err != nil {
		return
	}
	here := isLoopbackHost(public.Hostname())
	if loopback, _ := isLoopback(h.Address); here && !loopback {
		m.add("http.public_url", "is %s: links in mails will lead to the reader's own machine", h.PublicURL)
	}
	if public.Scheme == "http" && !here {
		m.add("http.public_url", "is not https: passwords and tokens cross the network readable")
	}
}
