package kairos;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.flink.types.Row;

/**
 * Row(key, payload) as a record of one of several topics: one sink and one Python pass for all.
 *
 * <p>payload = index of the topic (1 byte), header count int16, per header name length int16, name,
 * value length int32, value; the rest is the record's value. The partition is left to Kafka, whose
 * murmur2 of the key every client of ours agrees with. A length outside the payload throws: it can
 * only come from our own operator.
 */
public final class RoutedBytesSerializer implements KafkaRecordSerializationSchema<Row> {
    private static final long serialVersionUID = 1L;

    private final String[] topics;

    public RoutedBytesSerializer(String[] topics) {
        this.topics = topics.clone();
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            Row row, KafkaSinkContext context, Long timestamp) {
        byte[] key = ((String) row.getField(0)).getBytes(StandardCharsets.UTF_8);
        ByteBuffer payload = ByteBuffer.wrap((byte[]) row.getField(1));
        String topic = topics[payload.get()];
        RecordHeaders headers = new RecordHeaders();
        for (int left = payload.getShort(); left > 0; left--) {
            String name = new String(take(payload, payload.getShort()), StandardCharsets.UTF_8);
            headers.add(name, take(payload, payload.getInt()));
        }
        byte[] value = take(payload, payload.remaining());
        return new ProducerRecord<>(topic, null, null, key, value, headers);
    }

    private static byte[] take(ByteBuffer payload, int length) {
        byte[] bytes = new byte[length];
        payload.get(bytes);
        return bytes;
    }
}
