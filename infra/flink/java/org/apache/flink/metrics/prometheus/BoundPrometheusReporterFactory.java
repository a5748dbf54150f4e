package org.apache.flink.metrics.prometheus;

import io.prometheus.client.exporter.HTTPServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.Properties;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Flink's Prometheus reporter on one address: its own listens on every interface of the machine.
 *
 * <p>`metrics.reporter.NAME.host` (loopback unless set) and `.port` say where. It shares the
 * package of Flink's reporter, whose registry no other package sees.
 */
public final class BoundPrometheusReporterFactory implements MetricReporterFactory {
    private static final String LOOPBACK = "127.0.0.1";
    private static final int DEFAULT_PORT = 9249;

    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        MetricConfig config = (MetricConfig) properties;
        String host = config.getString("host", LOOPBACK);
        return new Reporter(new InetSocketAddress(host, config.getInteger("port", DEFAULT_PORT)));
    }

    private static final class Reporter extends AbstractPrometheusReporter {
        private final HTTPServer server;

        Reporter(InetSocketAddress address) {
            try {
                server = new HTTPServer(address, registry);
            } catch (IOException error) {
                throw new UncheckedIOException("metrics cannot listen on " + address, error);
            }
        }

        @Override
        public void close() {
            server.stop();
            super.close();
        }
    }
}
