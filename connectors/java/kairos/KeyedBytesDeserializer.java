package kairos;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * A Kafka record as Row(key, payload), so that keying needs no Python.
 *
 * <p>payload = partition int32, offset int64, timestamp in ms int64, key length int32 (-1 = null),
 * key, value length int32 (-1 = null), value; all big-endian. The prefix is what a dead letter
 * needs to name its origin, and it keeps a key that is not UTF-8 whole. With topicAsKey the row's
 * key is the topic's name: several control topics share one stream.
 */
public final class KeyedBytesDeserializer implements KafkaRecordDeserializationSchema<Row> {
    private static final long serialVersionUID = 1L;
    private static final int HEAD_BYTES = 28;

    private final boolean topicAsKey;

    public KeyedBytesDeserializer(boolean topicAsKey) {
        this.topicAsKey = topicAsKey;
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Row> out) {
        byte[] key = record.key();
        byte[] value = record.value();
        ByteBuffer payload = ByteBuffer.allocate(HEAD_BYTES + length(key) + length(value));
        payload.putInt(record.partition()).putLong(record.offset()).putLong(record.timestamp());
        put(payload, key);
        put(payload, value);
        out.collect(Row.of(name(record.topic(), key), payload.array()));
    }

    @Override
    public TypeInformation<Row> getProducedType() {
        return Types.ROW(Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    }

    private String name(String topic, byte[] key) {
        if (topicAsKey) {
            return topic;
        }
        return key == null ? "" : new String(key, StandardCharsets.UTF_8);
    }

    private static int length(byte[] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    private static void put(ByteBuffer payload, byte[] bytes) {
        if (bytes == null) {
            payload.putInt(-1);
        } else {
            payload.putInt(bytes.length).put(bytes);
        }
    }
}
