package dev.millrace.jobs.memory;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.engine.DeviceReading;
import java.util.List;
import java.util.Map;

/**
 * A {@link MemoryRecord} as JSON.
 *
 * <pre>
 * planned_bytes_per_rank
 * devices   device, ranks, total_bytes, used_bytes by moment (before, at_load, peak, end, after_close)
 * spread    bytes by moment: how much more one rank's device took since before than another's
 * samples   seconds, used_bytes and utilisation (a share, or null) of each device
 * warnings  what was unequal, and why
 * </pre>
 */
public final class MemoryJson {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private MemoryJson() {}

  /**
   * Writes a record.
   *
   * @param plannedBytes of each rank
   */
  public static ObjectNode of(MemoryRecord record, long plannedBytes) {
    ObjectNode root = NODES.objectNode().put("planned_bytes_per_rank", plannedBytes);
    ArrayNode devices = root.putArray("devices");
    List<DeviceReading> first = record.moments().get(Moment.AT_LOAD);
    for (int i = 0; i < first.size(); i++) {
      ObjectNode device = devices.addObject().put("device", first.get(i).device());
      ArrayNode ranks = device.putArray("ranks");
      first.get(i).ranks().forEach(ranks::add);
      device.put("total_bytes", first.get(i).totalBytes());
      ObjectNode used = device.putObject("used_bytes");
      for (Map.Entry<Moment, List<DeviceReading>> moment : record.moments().entrySet()) {
        used.put(moment.getKey().label(), moment.getValue().get(i).usedBytes());
      }
    }
    ObjectNode spread = root.putObject("spread");
    for (Moment moment : record.moments().keySet()) {
      if (moment != Moment.BEFORE) {
        spread.put(moment.label(), record.spread(moment).bytes());
      }
    }
    root.set("samples", samples(record));
    ArrayNode warnings = root.putArray("warnings");
    record.warnings().forEach(warnings::add);
    return root;
  }

  private static ArrayNode samples(MemoryRecord record) {
    ArrayNode samples = NODES.arrayNode();
    for (MemoryRecord.Sample sample : record.samples()) {
      ObjectNode node =
          samples.addObject().put("seconds", Math.round(sample.seconds() * 1e3) / 1e3);
      ArrayNode used = node.putArray("used_bytes");
      ArrayNode utilisation = node.putArray("utilisation");
      for (DeviceReading device : sample.devices()) {
        used.add(device.usedBytes());
        if (Double.isNaN(device.utilisation())) {
          utilisation.addNull();
        } else {
          utilisation.add(device.utilisation());
        }
      }
    }
    return samples;
  }
}
