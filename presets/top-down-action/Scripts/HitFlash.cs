using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Tints the sprite for a moment when its owner is hurt.</summary>
    [RequireComponent(typeof(SpriteRenderer), typeof(Health))]
    public sealed class HitFlash : MonoBehaviour
    {
        [SerializeField] private Color flashColour = new Color(1f, 0.35f, 0.35f);
        [SerializeField, Min(0f)] private float seconds = 0.12f;

        private SpriteRenderer spriteRenderer;
        private Health health;
        private Color normal;
        private float endsAt;
        private int lastPoints;

        private void Awake()
        {
            spriteRenderer = GetComponent<SpriteRenderer>();
            health = GetComponent<Health>();
            normal = spriteRenderer.color;
        }

        private void OnEnable()
        {
            lastPoints = health.Points;
            spriteRenderer.color = normal;
            health.Changed += OnChanged;
        }

        private void OnDisable()
        {
            health.Changed -= OnChanged;
        }

        private void Update()
        {
            if (endsAt > 0f && Time.time >= endsAt)
            {
                endsAt = 0f;
                spriteRenderer.color = normal;
            }
        }

        private void OnChanged(Health changed)
        {
            if (changed.Points < lastPoints)
            {
                endsAt = Time.time + seconds;
                spriteRenderer.color = flashColour;
            }

            lastPoints = changed.Points;
        }
    }
}
